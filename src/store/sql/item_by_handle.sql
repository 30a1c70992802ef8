select i.id, i.item_id, i.access_token, i.accounts, i.removed_at is not null as removed,
       w.id as wallet_id, w.status as wallet_status, w.dwolla_customer_id
from plaid_items i
left join wallets w on w.owner_kind = 'profile' and w.owner_id = i.profile_id
where i.handle = $1 and i.profile_id = $2
