-- A batch's statements are sent all at once, so it is the server that must stop one that is not the next: another bridge has opened the
-- ledger or moved a position, or the batch before did not go through.
set local search_path to casebridge;

create function expect_incarnation(expected bigint) returns void language plpgsql as $$
begin
	-- shared: who opens the ledger now waits for the end of this batch
	perform from casebridge.meta where incarnation = expected for share;
	if not found then
		raise exception using errcode = 'CB001', message = 'ledger';
	end if;
end $$;

create function take_positions(topics text[], nexts bigint[]) returns void language plpgsql as $$
declare
	moved text;
begin
	for moved in
		select case when p.next <> u.next then p.topic end
		from unnest(topics, nexts) u(topic, next) join casebridge.positions p on p.topic = u.topic
		order by p.topic for update of p
	loop
		if moved is not null then
			raise exception using errcode = 'CB001', message = moved;
		end if;
	end loop;
end $$;
