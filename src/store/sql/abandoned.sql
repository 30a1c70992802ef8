-- Operations whose worker gave no sign for long, and whose message nobody brought back either: they
-- become due timers.
update operations o set state = 'waiting', wake_at = now(), relayed_at = null, updated_at = now()
from (
    select id from operations
    where wake_at < now() - $1 * interval '1 millisecond' and state = 'running'
    order by wake_at
    limit 500
    for update skip locked
) gone
where o.id = gone.id
returning o.id
