package counter

// Counts are those of one key in one proxy. Requests and Retries are cumulative since the
// proxy's start, Active is now.
type Counts struct {
	// Requests counts the requests that arrived, and every further attempt at one of them.
	Requests uint64
	// Retries are the further attempts among Requests. A retry that waits for its back-off
	// may be in Retries before it is in Requests. Zero: Requests has first attempts only.
	Retries uint64
	// Active are requests in flight.
	Active uint64
}

// maxActive bounds the requests in flight of one key in one proxy. It is more than an Envoy has memory for.
const maxActive = 10_000_000

// Clamped returns the counts without numbers that no Envoy can have: a holder of its certificate can send any.
func (c Counts) Clamped() Counts {
	c.Active = min(c.Active, maxActive)
	return c
}

// first returns how many requests arrived.
func (c Counts) first() uint64 { return c.Requests - min(c.Requests, c.Retries) }

// began reports whether counters began anew between two reports of one process: the last
// cluster that had them was removed, and another was added.
func (c Counts) began(last Counts) bool {
	return c.Requests < last.Requests || c.Retries < last.Retries
}

// Counter is one key in one proxy.
type Counter struct {
	// Counts are those of the last report.
	Counts Counts
	// arrived are first attempts that were counted. It does not dip with retries that wait.
	arrived uint64
}

// Take takes the counts of a report and returns how many requests arrived since the one
// before. A baseline says nothing about when its requests arrived, so none are returned.
func (c *Counter) Take(now Counts, baseline bool) (delta uint64) {
	last, first := c.Counts, now.first()
	c.Counts = now
	switch {
	case baseline:
		c.arrived = first
	case now.began(last):
		delta, c.arrived = first, first
	case first > c.arrived:
		delta, c.arrived = first-c.arrived, first
	}
	return delta
}

// Arrived returns how many requests the process has counted in all.
func (c *Counter) Arrived() uint64 { return c.arrived }

// Restart begins anew, as the counters of a new process do. Its requests in flight are known
// with its first report.
func (c *Counter) Restart() {
	c.Counts.Requests, c.Counts.Retries, c.arrived = 0, 0, 0
}
