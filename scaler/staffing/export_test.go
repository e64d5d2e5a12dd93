package staffing

// Buckets returns how many numbers of the past a meter has in memory.
func (m *Meter) Buckets() (sum int64) {
	for _, s := range []*series{&m.recent, &m.past} {
		for _, empty := range []bool{s.requests.Empty(), s.bytes.Empty()} {
			if !empty {
				oldest, newest := s.requests.Span()
				sum += newest - oldest + 1
			}
		}
	}
	return sum
}
