-- Links bank accounts to wallets. A bank that was linked before comes back to life.
, wanted as (
    select f.op, b.* from fenced f
    cross join lateral jsonb_to_record(f.input) as b
        (wallet_id bigint, dwolla_id text, plaid_item_id bigint, token text, type text,
         bank_name text, name text, last4 text, status text)
), added as (
    insert into funding_sources as s (wallet_id, dwolla_id, plaid_item_id, type, bank_name, name,
                                      last4, status)
    select wallet_id, dwolla_id, plaid_item_id, type, bank_name, name, last4, status from wanted
    on conflict (dwolla_id) do update
        set plaid_item_id = excluded.plaid_item_id, name = excluded.name, last4 = excluded.last4,
            status = excluded.status, updated_at = now()
    returning s.id, s.dwolla_id, funding_source_answer(s) as answer
), change as (
    select w.op,
           jsonb_build_object('token', w.token, 'additional', a.answer) as result,
           null::jsonb as problem,
           jsonb_build_array(changed('wallet', w.wallet_id, w.wallet_id,
               (select wallet_row(p) from wallets p where p.id = w.wallet_id)
               || jsonb_build_object('funding_source',
                   (select coalesce(jsonb_agg(funding_source_answer(s) order by s.id), '[]')
                    from funding_sources s
                    where s.wallet_id = w.wallet_id and s.status <> 'removed' and s.id <> a.id)
                   || jsonb_build_array(a.answer)))) as changed,
           null::jsonb as commands
    from wanted w join added a on a.dwolla_id = w.dwolla_id
)
