-- What a crash left unsent. Rows younger than a second are still in the hands of their worker.
select id, operation, kind, subject, payload from outbox
where sent_at is null and created_at < now() - interval '1 second'
order by id
limit $1
