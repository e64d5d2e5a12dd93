package main

import "fmt"

// report is everything that was measured.
type report struct {
	settings
	few, all rounds
	steady   comparison
	counted  countedLoads
}

func (r report) print() {
	r.printCost()
	fmt.Printf("\nWhat KEDA would be told against a known load; windows of %s\n\n", window)
	fmt.Printf("  %-44s %9s %9s %8s %8s\n", "requests per second", "truth", "read", "off %", "worst %")
	r.printRates()
	fmt.Printf("  %-44s %6.1f s until 90 %% is read, %.0f %% at most\n",
		fmt.Sprintf("a step from 0 to %d", stepRate), r.counted.step.Seconds(), 100*r.counted.over)
	fmt.Printf("  %-44s %d of %d readings were unknown, %d zero\n", "while the streams were cut",
		r.counted.broken.unknown, r.counted.broken.readings, r.counted.broken.zero)
	fmt.Printf("\n  %-44s %9s %9s %9s %8s %8s\n", "requests, exact", "sent", "attempts", "counted", "lost", "not 200")
	lost := r.printTallies()
	wrong := r.printInFlight()
	fmt.Printf("bar: main_ms_per_s=%.2f limit_main_ms_per_s=%.2f main_all_used_ms_per_s=%.2f "+
		"plane_ms_per_s=%.2f kb_per_s=%.2f all_used_kb_per_s=%.1f "+
		"steady_error_pct=%.2f step_s=%.1f lost=%d in_flight_wrong=%d in_flight_at_rest=%d\n",
		r.few.main(withSink).median, r.few.main(withoutSink).median, r.all.main(withSink).median, r.few.plane().median,
		r.few.received(withSink).median, r.all.received(withSink).median,
		r.steady.off(), r.counted.step.Seconds(), lost, wrong, r.counted.rest)
}

func (r report) printCost() {
	fmt.Printf("\nEnvoy with %d clusters, %d of them at %d requests/s each; "+
		"CPU in ms per second, traffic to the control plane in kB per second;\n",
		r.Clusters, active, perSecond)
	fmt.Printf("medians (and ranges) of %d rounds of %s\n\n", r.Rounds, r.Round)
	fmt.Printf("  %-26s %-22s %-22s %-22s %-22s\n", "", "main thread", "workers", "control plane", "traffic")
	for _, row := range []struct {
		name string
		rounds
	}{{fmt.Sprintf("%d used", active), r.few}, {"all used", r.all}} {
		fmt.Printf("  %-26s %-22s %-22s %-22s %-22s\n", row.name+", reports every 1 s",
			row.main(withSink), row.workers(withSink), row.plane(), row.received(withSink))
		fmt.Printf("  %-26s %-22s %-22s %-22s %-22s\n", row.name+", no reports",
			row.main(withoutSink), row.workers(withoutSink), "", row.received(withoutSink))
	}
}

func (f figure) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", f.median, f.least, f.most) }

func (r report) printRates() {
	for _, row := range []struct {
		name string
		c    comparison
	}{
		{fmt.Sprintf("steady, %d keys at %d/s", active, perSecond), r.steady},
		{fmt.Sprintf("on for 1 s at %d/s, off for 1 s", onOffRate), r.counted.onOff},
		{fmt.Sprintf("steady at %d/s, streams cut %d times", cutRate, len(breaks)), r.counted.broken},
	} {
		truth, counted := row.c.mean()
		fmt.Printf("  %-44s %9.2f %9.2f %8.2f %8.2f\n", row.name, truth, counted, row.c.off(), 100*row.c.worst)
	}
}

// printInFlight returns how many readings were wrong.
func (r report) printInFlight() (wrong int) {
	fmt.Printf("\n  %-44s", fmt.Sprintf("in flight, truth/read: %d streams", streams))
	for _, pair := range r.counted.inFlight {
		fmt.Printf(" %d/%d", pair[0], pair[1])
		if pair[0] != pair[1] {
			wrong++
		}
	}
	fmt.Printf("\n  %-44s %d\n", "in flight over all keys at rest", r.counted.rest)
	return wrong
}

// printTallies returns how many requests were lost or counted more than once.
func (r report) printTallies() (wrong int) {
	var steady tally
	for _, t := range r.counted.tallies {
		wrong += max(t.lost(), -t.lost())
		if t.name == "" {
			steady.sent, steady.failed, steady.counted = steady.sent+t.sent, steady.failed+t.failed, steady.counted+t.counted
			continue
		}
		t.print()
	}
	steady.name = fmt.Sprintf("the steady load of %d keys", active)
	steady.print()
	return wrong
}

func (t tally) print() {
	attempts := ""
	if t.attempts > 0 {
		attempts = fmt.Sprint(t.attempts)
	}
	fmt.Printf("  %-44s %9d %9s %9d %8d %8d\n", t.name, t.sent, attempts, t.counted, t.lost(), t.failed)
}
