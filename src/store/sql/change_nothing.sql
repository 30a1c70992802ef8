-- Changes no rows: the result is the input.
, change as (
    select f.op, f.input as result, null::jsonb as problem, null::jsonb as changed, null::jsonb as commands
    from fenced f
)
