package store

// Plain returns labels, annotations or a selector whose keys and values have types of their own as
// plain texts; nil for none.
func Plain[K, V ~string](typed map[K]V) map[string]string {
	if len(typed) == 0 {
		return nil
	}
	plain := make(map[string]string, len(typed))
	for key, value := range typed {
		plain[string(key)] = string(value)
	}
	return plain
}
