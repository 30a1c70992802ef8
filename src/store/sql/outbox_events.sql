select id, operation, kind, subject, payload from outbox
where operation = $1 and id > $2 and kind = 'event'
order by id
limit 200
