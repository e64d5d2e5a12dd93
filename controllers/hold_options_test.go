package controllers_test

import (
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kedify/inference-gateway/controllers"
)

// TestHoldOptions: the defaults of the product are not written into every HTTPScaler, other values
// are, and values that no trigger could have are refused.
func TestHoldOptions(t *testing.T) {
	for _, c := range []struct {
		args    []string
		timeout time.Duration
		pending int32
		refused bool
	}{
		{args: nil},
		{args: []string{"--hold-timeout=55s", "--hold-max-pending=1000"}},
		{args: []string{"--hold-timeout=10m"}, timeout: 10 * time.Minute},
		{args: []string{"--hold-max-pending=5"}, pending: 5},
		{args: []string{"--hold-timeout=2h"}, refused: true},
		{args: []string{"--hold-timeout=10ms"}, refused: true},
		{args: []string{"--hold-max-pending=-1"}, refused: true},
		{args: []string{"--hold-max-total=-1"}, refused: true},
	} {
		options := controllers.Options{}
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		options.AddFlags(flags)
		if err := flags.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		if err := options.Validate(); (err != nil) != c.refused {
			t.Errorf("%v: %v, want an error: %v", c.args, err, c.refused)
		}
		if c.refused {
			continue
		}
		hold := options.Hold()
		if (hold.Timeout != nil) != (c.timeout != 0) || hold.Timeout != nil && hold.Timeout.Duration != c.timeout {
			t.Errorf("%v: timeout %v, want %v", c.args, hold.Timeout, c.timeout)
		}
		if (hold.MaxPending != nil) != (c.pending != 0) || hold.MaxPending != nil && *hold.MaxPending != c.pending {
			t.Errorf("%v: pending %v, want %v", c.args, hold.MaxPending, c.pending)
		}
	}
}
