select w.id, w.status, w.balance, w.inc_balance, w.out_balance,
       (select coalesce(jsonb_agg(funding_source_answer(s) order by s.id), '[]')
        from funding_sources s where s.wallet_id = w.id and s.status <> 'removed') as funding_source
from wallets w
where w.owner_kind = 'profile' and w.owner_id = $1
