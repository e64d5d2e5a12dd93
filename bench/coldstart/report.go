package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// report is everything that was measured.
type report struct {
	settings
	starts      map[string][]sample
	burst       []sample
	activations []activation
	through     []time.Duration
}

// durations of which quantiles are wanted.
type durations []time.Duration

// ms is a quantile in milliseconds; q of 1 is the maximum.
func (d durations) ms(q float64) float64 {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Microseconds()) / 1000
}

func (d durations) String() string {
	return fmt.Sprintf("%8.1f %8.1f %8.1f %8.1f", d.ms(.5), d.ms(.9), d.ms(.99), d.ms(1))
}

// good are the samples that are some, in one of their parts.
func good(all []sample, of func(sample) time.Duration) (d durations, failed int) {
	for _, s := range all {
		if s.failed != "" {
			failed++
			continue
		}
		d = append(d, of(s))
	}
	return d, failed
}

func (r report) print() {
	var bar []string
	if r.Samples+r.Others+r.Burst > 0 {
		bar = append(bar, r.printStarts())
	}
	if len(r.activations) > 0 {
		bar = append(bar, r.printActivations())
	}
	fmt.Println("bar:", strings.Join(bar, " "))
}

// printStarts returns its part of the bar.
func (r report) printStarts() string {
	added := func(s sample) time.Duration { return s.added }
	fmt.Printf("\nStarts from zero, ms%16s %8s %8s %8s %8s %8s\n", "", "p50", "p90", "p99", "max", "failed")
	for _, part := range []struct {
		name string
		of   func(sample) time.Duration
	}{
		{"Pod ready -> 200", added},
		{"request -> replicas wanted", func(s sample) time.Duration { return s.woken }},
		{"request -> 200", func(s sample) time.Duration { return s.total }},
	} {
		fmt.Println(part.name)
		for _, side := range []string{"product", "direct", addOnName} {
			if all := r.starts[side]; len(all) > 0 {
				d, failed := good(all, part.of)
				fmt.Printf("  %-14s %3d starts        %s %8d\n", side, len(d), d, failed)
			}
		}
		if len(r.burst) > 0 {
			d, failed := good(r.burst, part.of)
			fmt.Printf("  %-14s %3d at once       %s %8d\n", "product", len(d), d, failed)
		}
	}
	r.printFailures()
	product, failed := good(r.starts["product"], added)
	direct, _ := good(r.starts["direct"], added)
	_, burst := good(r.burst, added)
	bar := fmt.Sprintf("p50=%.1f p99=%.1f failed=%d limit_p50=%.1f limit_p99=%.1f burst_failed=%d",
		product.ms(.5), product.ms(.99), failed, direct.ms(.5), direct.ms(.99), burst)
	if r.AddOn == "" {
		fmt.Println("http-add-on was not measured: HTTP_ADD_ON is not set")
		return bar
	}
	peer, _ := good(r.starts[addOnName], added)
	return bar + fmt.Sprintf(" http_add_on_p50=%.1f http_add_on_p99=%.1f", peer.ms(.5), peer.ms(.99))
}

func (r report) printFailures() {
	for _, all := range [][]sample{r.starts["product"], r.starts["direct"], r.starts[addOnName], r.burst} {
		for _, s := range all {
			if s.failed != "" {
				fmt.Println("  failed:", s.failed)
			}
		}
	}
}

// printActivations returns its part of the bar.
func (r report) printActivations() string {
	var all durations
	byReplica := map[string]durations{}
	for _, a := range r.activations {
		byReplica[a.replica] = append(byReplica[a.replica], a.took)
		all = append(all, a.took)
	}
	fmt.Printf("\nRequest sent -> IsActive=true, %d triggers, a client at every replica, ms\n", r.Triggers)
	for _, replica := range slices.Sorted(maps.Keys(byReplica)) {
		fmt.Printf("  %-36s %s\n", replica, byReplica[replica])
	}
	through := durations(r.through)
	fmt.Printf("  %-36s %s\n", "limit: a request to a warm backend", through)
	return fmt.Sprintf("active_p50=%.1f active_p99=%.1f limit_active_p50=%.1f limit_active_p99=%.1f",
		all.ms(.5), all.ms(.99), through.ms(.5), through.ms(.99))
}
