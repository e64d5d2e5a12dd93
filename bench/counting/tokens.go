package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// eventsPath is answered with a stream of events, as a model writes them.
	eventsPath = "/events"
	events     = 100
	eventPause = time.Millisecond
	// answersAtOnce and answersOfRound are of one key in one round.
	answersAtOnce, answersOfRound = 8, 160
	tokenRounds                   = 12
)

// stream answers with events, each of which is sent by itself, and says at its end how many tokens it took.
func stream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range events {
		usage, choices := "null", `{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}`
		if i == events-1 {
			usage, choices = fmt.Sprintf(`{"prompt_tokens":1155,"completion_tokens":%d,"total_tokens":%d}`, events, 1155+events), ""
		}
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-7\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","+
			"\"choices\":[%s],\"usage\":%s}\n\n", choices, usage)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(eventPause)
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

// tokenKeys are the keys that are compared: what is counted of the first is requests alone.
var tokenKeys = []int{keyPlain, keyWork}

// tokens measures the processor time of the proxy for a streamed answer of a trigger that scales by its tokens, and of one that does
// not, in turn.
func (b *bench) tokens(ctx context.Context) error {
	p := b.proxies[withSink]
	used := map[int][]float64{}
	for round := range tokenRounds + 1 {
		order := slices.Clone(tokenKeys)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, key := range order {
			before, err := p.CPU()
			if err != nil {
				return err
			}
			p.answers(ctx, key)
			after, err := p.CPU()
			if err != nil {
				return err
			}
			if round > 0 { // the first opens connections and compiles the script
				took := after.Since(before)
				used[key] = append(used[key], float64((took.Main+took.Others).Microseconds())/answersOfRound)
			}
		}
	}
	if _, failed := p.total(keyWork); failed > 0 {
		return fmt.Errorf("%d answers failed", failed)
	}
	b.printTokens(used)
	return nil
}

// answers asks for the answers of one round.
func (p *proxy) answers(ctx context.Context, key int) {
	var running sync.WaitGroup
	for range answersAtOnce {
		running.Go(func() {
			for range answersOfRound / answersAtOnce {
				p.once(ctx, key, eventsPath)
			}
		})
	}
	running.Wait()
}

func (b *bench) printTokens(used map[int][]float64) {
	var added []float64
	for i := range used[keyWork] {
		added = append(added, used[keyWork][i]-used[keyPlain][i])
	}
	plain, work, more := spread(used[keyPlain]), spread(used[keyWork]), spread(added)
	fmt.Printf("\nProcessor time of Envoy for one streamed answer of %d events, in us; medians (and ranges) of %d rounds of %d answers\n\n",
		events, tokenRounds, answersOfRound)
	fmt.Printf("  %-52s %s\n", "requests alone are counted", plain)
	fmt.Printf("  %-52s %s\n", "bytes, tokens and the time to the first token as well", work)
	fmt.Printf("  %-52s %s, %.2f us for an event\n", "more, in one round", more, more.median/events)
	fmt.Printf("bar: answer_us=%.1f answer_with_tokens_us=%.1f event_us=%.2f\n", plain.median, work.median, more.median/events)
}

func spread(all []float64) figure {
	slices.Sort(all)
	return figure{median: all[len(all)/2], least: all[0], most: all[len(all)-1]}
}
