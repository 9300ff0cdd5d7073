-- A batch's documents are written by this program and read by it; that the server checks each of them once more costs a quarter of what
-- writing them costs. To look into one: doc::json->>'status'.
set local search_path to casebridge;

alter table cases alter doc type text using doc::text, alter fver type text using fver::text;
alter table links alter shadow type text using shadow::text, alter held type text using held::text,
	alter tries type text using tries::text, alter inflight type text using inflight::text;
alter table history alter delta type text using delta::text;
