-- Gives back timers that the relay took and could not publish: the broker is away.
update operations set relayed_at = null where id = any($1) and state = 'waiting'
