-- Brings bank accounts to what Dwolla says of them; `answer` is what the operation gives. A removed
-- one comes back only by being linked anew, never by a late report.
, wanted as (
    select f.op, b.* from fenced f
    cross join lateral jsonb_to_record(f.input) as b
        (dwolla_id text, status text, item_removed bigint, answer jsonb)
), applied as (
    update funding_sources s set status = w.status, updated_at = now()
    from wanted w where s.dwolla_id = w.dwolla_id and (s.status <> 'removed' or w.status = 'removed')
    returning w.op, s.id, s.wallet_id, s.status, funding_source_answer(s) as answer
), unlinked as (
    update plaid_items p set removed_at = coalesce(p.removed_at, now())
    from wanted w where p.id = w.item_removed
), change as (
    select w.op, w.answer as result, null::jsonb as problem,
           case when a.op is not null then jsonb_build_array(
               changed('wallet', a.wallet_id, a.wallet_id,
                   (select wallet_row(p) from wallets p where p.id = a.wallet_id)
                   || jsonb_build_object('funding_source',
                       (select coalesce(jsonb_agg(funding_source_answer(s) order by s.id), '[]')
                        from funding_sources s
                        where s.wallet_id = a.wallet_id and s.status <> 'removed'
                          and s.id <> a.id)
                       || case when a.status <> 'removed'
                          then jsonb_build_array(a.answer)
                          else '[]' end)))
           end as changed,
           null::jsonb as commands
    from wanted w left join applied a on a.op = w.op
)
