select id, caller, service, topic, state, request_hash, attempt, accepted, result, problem,
       created_at, updated_at
from operations where id = $1
