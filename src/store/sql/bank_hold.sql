-- Takes bank accounts out of use before they are removed at Dwolla. One that a pending movement
-- uses stays: its debit would go on, but a credit on its way to it would be called off.
, wanted as (
    select f.op, s.id, s.wallet_id, s.dwolla_id, s.plaid_item_id, s.status, w.owner_id
    from fenced f
    left join wallets w on w.owner_kind = 'profile' and w.owner_id = (f.input ->> 'profile_id')::bigint
    left join funding_sources s
        on s.id = (f.input ->> 'funding_source_id')::bigint and s.wallet_id = w.id
), judged as (
    select w.*, case
        when w.id is null then jsonb_build_object('code', 'not_found', 'status', 404,
            'message', 'Not found.')
        when exists (select from transactions t
                     where w.id in (t.source_funding_id, t.dest_funding_id)
                       and t.status in ('created', 'pending', 'wait'))
        then jsonb_build_object('code', 'bank_in_use', 'status', 409,
            'message', 'a pending transaction uses this bank account',
            'fields', jsonb_build_object('funding_source_id',
                jsonb_build_array('a pending transaction uses this bank account')))
        end as problem
    from wanted w
), held as (
    update funding_sources s set status = 'removed', updated_at = now()
    from judged j where s.id = j.id and j.problem is null
    returning s.id
), change as (
    select j.op, jsonb_build_object('id', j.id, 'wallet_id', j.wallet_id, 'dwolla_id', j.dwolla_id,
               'plaid_item_id', j.plaid_item_id,
               'last_of_item', not exists (select from funding_sources o
                   where o.plaid_item_id = j.plaid_item_id and o.id <> j.id
                     and o.status <> 'removed')) as result,
           j.problem, null::jsonb as changed, null::jsonb as commands
    from judged j left join held h on h.id = j.id
)
