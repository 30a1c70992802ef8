-- Makes every operation that is not finished and not being worked on due now, so that the relay
-- publishes it again: the queue as the database knows it.
update operations set state = 'waiting', wake_at = now(), relayed_at = null, updated_at = now()
where (state = 'waiting') or (state = 'running' and wake_at <= now())
returning id
