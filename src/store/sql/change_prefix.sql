-- What is wanted, by those who still hold their lease. A change reads `fenced (op, input, …)` and
-- ends with `change (op, result, problem, changed, commands)`: one row for each operation, with a
-- problem and no effect, or with a result.
with submitted as (
    select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::jsonb[], $5::boolean[])
        as s (op, token, step, input, announced)
), fenced as materialized (
    select s.op, s.step, s.input, s.announced, o.service, o.topic, o.request_hash
    from submitted s join operations o on o.id = s.op
    where o.lease_token = s.token and o.state = 'running'
    order by s.op
    for update of o
)
