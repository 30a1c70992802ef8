select item_id, access_token from plaid_items where id = $1
