-- Extends the leases that are still held, and says which.
with held as (
    select * from unnest($1::uuid[], $2::bigint[]) as h (id, token)
), kept as (
    update operations o set wake_at = now() + $3 * interval '1 millisecond'
    from held h
    where o.id = h.id and o.lease_token = h.token and o.state = 'running'
    returning o.id, o.lease_token
), entities as (
    update entity_leases l set until = now() + $3 * interval '1 millisecond'
    from kept where l.operation = kept.id
)
select lease_token from kept
