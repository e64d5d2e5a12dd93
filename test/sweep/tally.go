package sweep

import "fmt"

// Tally counts what became of worlds.
type Tally struct {
	Worlds, Unadmitted, Refused, Configurations, Rejected, Failed int
}

// Add counts an Outcome that is complete.
func (t *Tally) Add(o *Outcome) {
	t.Worlds++
	count := func(number *int, is bool) {
		if is {
			*number++
		}
	}
	count(&t.Unadmitted, o.Unadmitted != nil)
	count(&t.Refused, o.Refused)
	count(&t.Configurations, o.Loaded)
	count(&t.Rejected, o.Rejected)
	count(&t.Failed, len(o.Findings) > 0)
}

func (t Tally) String() string {
	return fmt.Sprintf("worlds=%d unadmitted=%d refused=%d configurations=%d rejected=%d failed=%d",
		t.Worlds, t.Unadmitted, t.Refused, t.Configurations, t.Rejected, t.Failed)
}

// Plus adds another Tally.
func (t *Tally) Plus(other Tally) {
	t.Worlds += other.Worlds
	t.Unadmitted += other.Unadmitted
	t.Refused += other.Refused
	t.Configurations += other.Configurations
	t.Rejected += other.Rejected
	t.Failed += other.Failed
}
