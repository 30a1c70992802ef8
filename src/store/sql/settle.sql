-- Commits how an effect ended.
with known as (
    select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[])
        as k (operation, token, name, state, answer, cause)
), fenced as (
    select k.* from known k join operations o on o.id = k.operation
    where o.lease_token = k.token and o.state = 'running'
    order by k.operation
    for share of o
)
update journal j
set state = f.state, answer = f.answer, cause = f.cause, settled_at = now()
from fenced f
where j.operation = f.operation and j.name = f.name
returning j.operation
