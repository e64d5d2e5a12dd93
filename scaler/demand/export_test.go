package demand

// Tidy is one round of Run.
func (b *Registry) Tidy() { b.tidy() }

// Counted returns the requests that were counted for a key.
func (b *Registry) Counted(key string) uint64 {
	for _, e := range b.allEntries() {
		if e.text == key {
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.counted
		}
	}
	return 0
}

// Entries and Proxies return how many there are in memory.
func (b *Registry) Entries() int { return len(b.allEntries()) }

// Proxies returns how many proxies are in memory.
func (b *Registry) Proxies() (n int) {
	for _, g := range b.allGateways() {
		n += len(g.all())
	}
	return n
}
