package demand

import "fmt"

// ValueOf returns the value of the metric at a position of the trigger's, which has a name in KEDA's protocol, or why it is not
// known. While the registry has not taken a change of the trigger, a further metric is not known.
func (r *Reading) ValueOf(position int, name string) (float64, error) {
	switch {
	case position == 0:
		return r.Value, r.Unknown
	case position <= len(r.More) && r.More[position-1].Metric == name:
		return r.More[position-1].Value, r.More[position-1].Unknown
	}
	return 0, fmt.Errorf("%w: the metric %s is not counted yet; this will pass", ErrUnknown, name)
}
