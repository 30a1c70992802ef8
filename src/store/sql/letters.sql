select * from dead_letters
where ($1::text is null or service || '/' || topic like $1)
  and ($2::text is null or class = $2)
  and state = $3
order by created_at desc
limit $4
