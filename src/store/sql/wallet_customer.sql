-- What creating or reading a wallet's customer needs.
select w.id, w.status, w.dwolla_customer_id, w.dwolla_balance_id, w.retried_at is not null as retried,
       p.id as profile_id, p.type, p.person, p.ssn, p.ssn_digits, u.email
from wallets w
join profiles p on w.owner_kind = 'profile' and p.id = w.owner_id
join users u on u.id = p.user_id
where w.id = $1
