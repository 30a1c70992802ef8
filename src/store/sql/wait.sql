-- Gives operations back until a time: a retry or a snooze. Leases end here.
with given as (
    select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[], $5::jsonb[])
        as g (id, token, delay_ms, counted, fault)
), waiting as (
    update operations o
    set state = 'waiting', wake_at = now() + g.delay_ms * interval '1 millisecond', relayed_at = null,
        attempt = o.attempt - case when g.counted then 0 else 1 end,
        faults = case when g.fault is null then o.faults
                      else (case when jsonb_array_length(o.faults) >= 50 then o.faults - 0
                                 else o.faults end)
                           || jsonb_build_array(g.fault || jsonb_build_object(
                                  'attempt', o.attempt, 'at', now(), 'worker', o.worker)) end,
        updated_at = now()
    from given g
    where o.id = g.id and o.lease_token = g.token and o.state = 'running'
    returning o.id
), released as (
    delete from entity_leases l using waiting w where l.operation = w.id returning l.entity
), next as (
    update operations o set wake_at = now(), relayed_at = null
    from released r cross join lateral (
        select p.id from operations p
        where p.entity = r.entity and p.parked_at is not null
        order by p.parked_at limit 1 for update skip locked) p
    where o.id = p.id
)
select id from waiting
