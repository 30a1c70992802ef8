-- Stores investments whose version is newer than the stored one.
, wanted as (
    select f.op, i.* from fenced f
    cross join lateral jsonb_to_record(f.input) as i
        (id bigint, version bigint, user_id bigint, profile_id bigint, offer_id bigint,
         amount numeric, status text, funding_type text, data jsonb)
), stored as (
    insert into investments as s (id, version, user_id, profile_id, offer_id, amount, status,
                                  funding_type, data)
    select id, version, user_id, profile_id, offer_id, amount, status, funding_type, data from wanted
    on conflict (id) do update
        set version = excluded.version, user_id = excluded.user_id,
            profile_id = excluded.profile_id, offer_id = excluded.offer_id,
            amount = excluded.amount, status = excluded.status,
            funding_type = excluded.funding_type, data = excluded.data, updated_at = now()
        where s.version < excluded.version
    returning s.id
), change as (
    select w.op, jsonb_build_object('id', w.id, 'applied', s.id is not null) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from wanted w left join stored s on s.id = w.id
)
