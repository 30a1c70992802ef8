update outbox set sent_at = now() where id = any($1) and sent_at is null
