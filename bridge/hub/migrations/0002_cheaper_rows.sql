-- What a batch costs: documents are taken and given as they are written, keys are compared as bytes, and there is room on each page for the
-- next version of a row.
set local search_path to casebridge;

alter table cases alter doc type json using doc::json;
alter table cases set (fillfactor = 70);

alter table links alter rec type text collate "C", alter lid type text collate "C";
alter table links set (fillfactor = 70);

alter table match_keys alter scheme type text collate "C", alter value type text collate "C";

-- The cause of a history row is a position in its system's own topic.
drop index history_cause;
alter table history drop column topic;
create index history_cause on history(sys, pos);
