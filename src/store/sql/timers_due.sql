-- Takes the timers that are due. One that the relay took and that was not opened within 30 seconds
-- is taken again: its message may be lost with the broker.
update operations o set relayed_at = now()
from (
    select id from operations
    where wake_at <= now() and state = 'waiting'
      and (relayed_at is null or relayed_at < now() - interval '30 seconds')
    order by wake_at
    limit $1
    for update skip locked
) due
where o.id = due.id
returning o.id, o.service, o.topic, o.caller, o.request_hash, o.headers, o.payload, o.lease_token
