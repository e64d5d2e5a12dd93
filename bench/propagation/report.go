package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/bench/internal/scrape"
	"github.com/kedify/inference-gateway/bench/internal/world"
)

// row is what was measured with so many routes present.
type row struct {
	routes        int
	product, null []sample
}

// shares is what the controllers report about themselves, summed up to a moment: how long
// changes took from their arrival to publication, and from there to the ACK of the Envoy.
type shares struct {
	translated, acked         uint64
	translateSecs, ackSeconds float64
}

func readShares(ctx context.Context, w *world.World) (shares, error) {
	all, err := scrape.Controllers(ctx, w)
	if err != nil {
		return shares{}, err
	}
	var s shares
	for _, families := range all {
		// Every replica translates; one of them serves the Envoy.
		count, seconds := families.Histogram("kedify_gateway_engine_delay_seconds")
		s.translated, s.translateSecs = s.translated+count, s.translateSecs+seconds
		count, seconds = families.Histogram("kedify_gateway_xds_propagation_seconds", "type", "route")
		s.acked, s.ackSeconds = s.acked+count, s.ackSeconds+seconds
	}
	return s, nil
}

func (s shares) since(before shares) *shares {
	return &shares{
		translated: s.translated - before.translated, translateSecs: s.translateSecs - before.translateSecs,
		acked: s.acked - before.acked, ackSeconds: s.ackSeconds - before.ackSeconds,
	}
}

// quantile of the totals, in milliseconds; q of 1 is the maximum.
func quantile(samples []sample, q float64) float64 {
	var totals []time.Duration
	for _, s := range samples {
		totals = append(totals, s.total)
	}
	slices.Sort(totals)
	return milliseconds(totals[min(len(totals)-1, int(q*float64(len(totals))))])
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func unexpected(samples []sample) int {
	n := 0
	for _, s := range samples {
		n += s.unexpected
	}
	return n
}

// split is the mean of each part in milliseconds. What is left after watch, translation and
// ACK is Envoy's own way to the first 200 and the poll that sees it.
func (r row) split() (watch, translate, ack, serve float64) {
	var total float64
	var asked shares
	for _, s := range r.product {
		watch += milliseconds(s.watch)
		total += milliseconds(s.total)
		if s.shares != nil {
			asked.translated += s.shares.translated
			asked.translateSecs += s.shares.translateSecs
			asked.acked += s.shares.acked
			asked.ackSeconds += s.shares.ackSeconds
		}
	}
	n := float64(len(r.product))
	watch, total = watch/n, total/n
	if asked.translated > 0 {
		translate = 1000 * asked.translateSecs / float64(asked.translated)
	}
	if asked.acked > 0 {
		ack = 1000 * asked.ackSeconds / float64(asked.acked)
	}
	return watch, translate, ack, total - watch - translate - ack
}

func report(rows []row) {
	fmt.Printf("\nPUT of one HTTPRoute -> first 200 through Envoy, ms; %d changes per cell\n\n", len(rows[0].product))
	fmt.Printf("%7s  %-8s %7s %7s %7s   %6s %9s %6s %6s   %10s\n",
		"routes", "control", "p50", "p99", "max", "watch", "translate", "ack", "serve", "unexpected")
	var bar []string
	for _, r := range rows {
		watch, translate, ack, serve := r.split()
		fmt.Printf("%7d  %-8s %7.1f %7.1f %7.1f   %6.1f %9.1f %6.1f %6.1f   %10d\n", r.routes, "product",
			quantile(r.product, .5), quantile(r.product, .99), quantile(r.product, 1), watch, translate, ack, serve, unexpected(r.product))
		fmt.Printf("%7d  %-8s %7.1f %7.1f %7.1f   %32s %10d\n", r.routes, "null",
			quantile(r.null, .5), quantile(r.null, .99), quantile(r.null, 1), "", unexpected(r.null))
		bar = append(bar, fmt.Sprintf("p99_%d=%.1f", r.routes, quantile(r.product, .99)))
	}
	first, last := rows[0], rows[len(rows)-1]
	all := 0
	for _, r := range rows {
		all += unexpected(r.product)
	}
	fmt.Printf("\nwatch, translate, ack, serve: means; translate and ack as the controllers report them\n")
	fmt.Printf("p99 with %d routes is %.2f times that with %d; it is %.2f times that of the null control plane\n",
		last.routes, quantile(last.product, .99)/quantile(first.product, .99), first.routes, quantile(last.product, .99)/quantile(last.null, .99))
	fmt.Printf("bar: %s null_p99_%d=%.1f unexpected=%d\n", strings.Join(bar, " "), last.routes, quantile(last.null, .99), all)
}
