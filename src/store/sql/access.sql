select u.id,
       ($2::bigint is null or u.id = $2)
       and ($3::bigint is null or exists (
           select from profiles p where p.id = $3 and p.user_id = u.id))
       and ($4::bigint is null or exists (
           select from wallet_owners o where o.wallet_id = $4 and o.user_id = u.id)) as allowed
from users u
where u.identity_id = $1
