-- Takes bank accounts out of use before they are removed at Dwolla. One that a pending movement
-- uses stays: its debit would go on, but a credit on its way to it would be called off. A movement
-- that begins meanwhile holds the account's row, so its use is looked up under that lock.
, locked as (
    select f.op, s.id, s.wallet_id, s.dwolla_id, s.plaid_item_id
    from fenced f
    join wallets w
        on w.owner_kind = 'profile' and w.owner_id = (f.input ->> 'profile_id')::bigint
    join funding_sources s
        on s.id = (f.input ->> 'funding_source_id')::bigint and s.wallet_id = w.id
    order by s.id
    for update of s
), judged as (
    select f.op, l.id, l.wallet_id, l.dwolla_id, l.plaid_item_id, case
        when l.id is null then jsonb_build_object('code', 'not_found', 'status', 404,
            'message', 'Not found.')
        when bank_in_use(l.id, l.wallet_id) then jsonb_build_object('code', 'bank_in_use', 'status', 409,
            'message', 'a pending transaction uses this bank account',
            'fields', jsonb_build_object('funding_source_id',
                jsonb_build_array('a pending transaction uses this bank account')))
        end as problem
    from fenced f left join locked l on l.op = f.op
), held as (
    update funding_sources s set status = 'removed', updated_at = now()
    from judged j where s.id = j.id and j.problem is null
), change as (
    select j.op, jsonb_build_object('id', j.id, 'wallet_id', j.wallet_id, 'dwolla_id', j.dwolla_id,
               'plaid_item_id', j.plaid_item_id,
               'last_of_item', not exists (select from funding_sources o
                   where o.plaid_item_id = j.plaid_item_id and o.id <> j.id
                     and o.status <> 'removed')) as result,
           j.problem, null::jsonb as changed, null::jsonb as commands
    from judged j
)
