-- Notes that a linked login has to be renewed by its owner.
, marked as (
    update plaid_items p set needs_login = (f.input ->> 'needs_login')::boolean
    from fenced f where p.item_id = f.input ->> 'item_id'
    returning f.op
), change as (
    select f.op, jsonb_build_object('applied',
               case when n.op is null then 'nothing' else 'item' end) as result,
           null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from fenced f left join marked n on n.op = f.op
)
