-- Gives each profile its wallet's row, once.
, wanted as (
    select f.op, (f.input ->> 'profile_id')::bigint as profile_id, p.id as known, p.type, p.kyc_status
    from fenced f left join profiles p on p.id = (f.input ->> 'profile_id')::bigint
), judged as (
    select w.*, case
        when known is null then jsonb_build_object('code', 'profile_unknown', 'status', 404,
            'message', 'the directory has not told of this profile yet')
        when type = 'sdira' then jsonb_build_object('code', 'no_wallet_for_sdira', 'status', 412,
            'message', 'a self-directed retirement account has no wallet')
        when kyc_status <> 'approved' then jsonb_build_object('code', 'kyc_not_approved',
            'status', 412, 'message', 'a wallet needs an approved identity verification')
        end as problem
    from wanted w
), made as (
    insert into wallets as w (owner_kind, owner_id, status)
    select 'profile', profile_id, 'pending' from judged where problem is null
    on conflict (owner_kind, owner_id) do update set updated_at = w.updated_at
    returning w.*
), change as (
    select j.op, jsonb_build_object('id', m.id, 'status', m.status) as result, j.problem,
           null::jsonb as changed, null::jsonb as commands
    from judged j left join made m on m.owner_id = j.profile_id
)
