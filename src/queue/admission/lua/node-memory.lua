-- Reads the memory of the node that holds a key. KEYS: any key
return redis.call('INFO', 'memory')
