-- A system that joins a site is asked about every case that was there before it, in chunks, once it is live.
set local search_path to casebridge;

alter table systems add owed uuid;         -- cases up to this one have been asked about; null: all of them
