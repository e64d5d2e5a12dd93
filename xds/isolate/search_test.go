package isolate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/resource"
)

// envoy refuses tables as a proxy does: some parts always, some even when they only answer 500, and one pair together.
type envoy struct {
	whole, failing map[string]bool
	pair           [2]string
	all            bool // tables without parts as well
}

func (e envoy) refuses(forms map[string]resource.Form) bool {
	if e.all {
		return true
	}
	for id, form := range forms {
		if form == resource.Whole && e.whole[id] || form == resource.Failing && e.failing[id] {
			return true
		}
	}
	_, first := forms[e.pair[0]]
	_, second := forms[e.pair[1]]
	return e.pair[0] != "" && first && second && forms[e.pair[0]] == resource.Whole && forms[e.pair[1]] == resource.Whole
}

// run answers a search until it is done, and returns how many rounds and trials it took.
func (e envoy) run(s *search, shuffle *rand.Rand) (rounds, trials int) {
	for !s.done() {
		taken := s.take()
		rounds++
		numbers := slices.Sorted(maps.Keys(taken))
		shuffle.Shuffle(len(numbers), func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
		for _, number := range numbers {
			trials++
			if e.refuses(taken[number].forms) {
				s.refuse(number, "refused "+strings.Join(taken[number].parts, " "))
			} else {
				s.accept(number)
			}
		}
	}
	return rounds, trials
}

func named(n int) (order []string) {
	for i := range n {
		order = append(order, "p"+strconv.Itoa(i))
	}
	return order
}

func set(ids ...string) map[string]bool {
	all := map[string]bool{}
	for _, id := range ids {
		all[id] = true
	}
	return all
}

func TestSearch(t *testing.T) {
	failing := func(ids ...string) map[string]resource.Form {
		forms := map[string]resource.Form{}
		for _, id := range ids {
			forms[id] = resource.Failing
		}
		return forms
	}
	for name, test := range map[string]struct {
		parts, fresh int
		known        map[string]resource.Form
		proxy        envoy
		want         map[string]resource.Form
		rounds       int // at most
	}{
		"the one rule that is new":   {parts: 1000, fresh: 999, proxy: envoy{whole: set("p999")}, want: failing("p999"), rounds: 2},
		"the only rule":              {parts: 1, proxy: envoy{whole: set("p0")}, want: failing("p0"), rounds: 2},
		"one of a thousand, all new": {parts: 1000, proxy: envoy{whole: set("p617")}, want: failing("p617"), rounds: 4},
		"one that was there before":  {parts: 1000, fresh: 990, proxy: envoy{whole: set("p5")}, want: failing("p5"), rounds: 5},
		"three at once":              {parts: 300, proxy: envoy{whole: set("p1", "p2", "p299")}, want: failing("p1", "p2", "p299"), rounds: 6},
		"all of them":                {parts: 40, proxy: envoy{whole: set(named(40)...)}, want: failing(named(40)...), rounds: 8},
		"the match as well": {parts: 20, fresh: 19, proxy: envoy{whole: set("p19"), failing: set("p19")},
			want: map[string]resource.Form{"p19": resource.Absent}, rounds: 2},
		"beside one that is known": {parts: 20, fresh: 18, known: failing("p18"), proxy: envoy{whole: set("p18", "p19")},
			want: failing("p19"), rounds: 2},
		"two rules that are good alone":     {parts: 64, fresh: 60, proxy: envoy{pair: [2]string{"p3", "p61"}}, want: failing("p61"), rounds: 12},
		"the second of a pair, none is new": {parts: 64, fresh: 64, proxy: envoy{pair: [2]string{"p3", "p40"}}, want: failing("p40"), rounds: 12},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSearch(named(test.parts), test.fresh, test.known, hints{}, "refused")
			rounds, trials := test.proxy.run(s, rand.New(rand.NewPCG(1, 2)))
			found := map[string]resource.Form{}
			for id, v := range s.found {
				if found[id] = v.form; v.message == "" {
					t.Errorf("%s: no message", id)
				}
			}
			if !maps.Equal(found, test.want) {
				t.Errorf("found %v, want %v", found, test.want)
			}
			if rounds > test.rounds {
				t.Errorf("%d rounds, want at most %d", rounds, test.rounds)
			}
			t.Logf("%d rounds, %d trials", rounds, trials)
		})
	}
}

// suspecting are the hints about a table.
func suspecting(order []string, known, suspected map[string]resource.Form) hints {
	first := hints{suspected: suspected}
	for _, id := range order {
		if _, withheld := known[id]; !withheld && suspected[id] == resource.Whole {
			first.witness = id
			break
		}
	}
	return first
}

// untilTaken searches until the proxy takes the table, as a gateway does that withholds what was found. It returns the forms of what
// is withheld, and how many searches, rounds and trials there were.
func (e envoy) untilTaken(order []string, fresh int, suspected map[string]resource.Form,
	dice *rand.Rand) (known map[string]resource.Form, searches, rounds, trials int) {
	known = map[string]resource.Form{}
	for {
		table := map[string]resource.Form{}
		for _, id := range order {
			if known[id] != resource.Absent {
				table[id] = known[id]
			}
		}
		if !e.refuses(table) {
			return known, searches, rounds, trials
		}
		s := newSearch(order, fresh, maps.Clone(known), suspecting(order, known, suspected), "refused")
		r, n := e.run(s, dice)
		searches, rounds, trials = searches+1, rounds+r, trials+n
		for id, v := range s.found {
			known[id] = v.form
		}
		if len(s.found) == 0 {
			return known, searches, rounds, trials
		}
	}
}

// TestSuspectsAreTriedFirst: after a restart, a search that is told what was refused before finds it in one round, and one that is
// told wrong finds the same in few trials more.
func TestSuspectsAreTriedFirst(t *testing.T) {
	refused := []string{"p3", "p77", "p150", "p301", "p333", "p402", "p555", "p600", "p871", "p999"}
	proxy := envoy{whole: set(refused...), failing: set("p150", "p871")}
	want := map[string]resource.Form{}
	for _, id := range refused {
		if want[id] = resource.Failing; proxy.failing[id] {
			want[id] = resource.Absent
		}
	}
	failing := func(ids ...string) map[string]resource.Form {
		forms := map[string]resource.Form{}
		for _, id := range ids {
			forms[id] = resource.Failing
		}
		return forms
	}
	but := maps.Clone(want)
	delete(but, "p301")
	more := failing(named(3)...)
	maps.Copy(more, want)
	for name, test := range map[string]struct {
		suspected        map[string]resource.Form
		searches, rounds int // rounds and trials: at most
		trials           int
	}{
		"nothing is told":       {nil, 1, 16, 228},
		"all of it":             {want, 1, 1, 13},
		"the wrong form":        {failing(refused...), 1, 3, 11 + 1 + 10 + 1},
		"one is missing":        {but, 2, 1 + 6, 12 + 34 + 9},
		"the witness is":        {failing("p77"), 2, 1 + 16, 2 + 230},
		"what is good as well":  {more, 1, 1, 16},
		"what is good":          {failing("p1", "p2", "p4", "p5"), 1, 17, 228 + 5},
		"nearly everything":     {failing(named(999)...), 1, 17, 228 + 33},
		"everything":            {failing(named(1000)...), 1, 16, 228},
		"parts of other tables": {failing("q1", "q2"), 1, 16, 228},
	} {
		t.Run(name, func(t *testing.T) {
			known, searches, rounds, trials := proxy.untilTaken(named(1000), 0, test.suspected, rand.New(rand.NewPCG(1, 2)))
			if !maps.Equal(known, want) {
				t.Errorf("found %v, want %v", known, want)
			}
			if searches != test.searches || rounds > test.rounds || trials > test.trials {
				t.Errorf("%d searches, %d rounds, %d trials, want %d and at most %d and %d",
					searches, rounds, trials, test.searches, test.rounds, test.trials)
			}
			t.Logf("%d searches, %d rounds, %d trials", searches, rounds, trials)
		})
	}
}

// TestSuspicionChangesNothing: with any suspicion, the same is withheld in the end, for a bounded number of trials more.
func TestSuspicionChangesNothing(t *testing.T) {
	worst := 0
	for seed := range uint64(500) {
		dice := rand.New(rand.NewPCG(seed, 3))
		order := named(1 + dice.IntN(150))
		some := func(n int) map[string]bool {
			ids := map[string]bool{}
			for range n {
				ids[order[dice.IntN(len(order))]] = true
			}
			return ids
		}
		proxy := envoy{whole: some(dice.IntN(6)), failing: some(dice.IntN(6)), all: dice.IntN(20) == 0}
		if dice.IntN(2) == 0 { // what is refused when it fails is refused whole as well
			maps.Copy(proxy.whole, proxy.failing)
		}
		if pair := slices.Sorted(maps.Keys(some(2))); len(pair) == 2 && dice.IntN(2) == 0 {
			proxy.pair = [2]string(pair)
		}
		fresh := dice.IntN(len(order) + 1)
		suspected := map[string]resource.Form{}
		for id := range some(dice.IntN(2 * len(order))) {
			suspected[id] = []resource.Form{resource.Failing, resource.Absent}[dice.IntN(2)]
		}
		if dice.IntN(2) == 0 { // mostly right
			clear(suspected)
			for id := range proxy.whole {
				if suspected[id] = resource.Failing; proxy.failing[id] {
					suspected[id] = resource.Absent
				}
			}
			for id := range some(2) {
				suspected[id] = resource.Failing
			}
		}
		plain, once, _, without := proxy.untilTaken(order, fresh, nil, dice)
		told, often, _, with := proxy.untilTaken(order, fresh, suspected, dice)
		if !maps.Equal(told, plain) {
			t.Fatalf("seed %d: withheld %v, without a suspicion %v: %+v", seed, told, plain, proxy)
		}
		if often > once+1+len(suspected)/maxSuspects {
			t.Fatalf("seed %d: %d searches, without a suspicion %d: %+v", seed, often, once, proxy)
		}
		worst = max(worst, with-without-often*(2*maxSuspects+1))
	}
	if worst > 2*width {
		t.Errorf("%d trials more than those of the suspects", worst)
	}
}

// TestSearchFindsNothing: a table that is refused although its rules are taken together is not the fault of a rule.
func TestSearchFindsNothing(t *testing.T) {
	for _, parts := range []int{0, 1, 40} {
		s := newSearch(named(parts), 0, nil, hints{}, "refused")
		if (envoy{}).run(s, rand.New(rand.NewPCG(1, 2))); len(s.found) > 0 {
			t.Errorf("of %d parts, found %v", parts, s.found)
		}
	}
}

// TestSearchesEnd: a proxy that refuses any rules takes the table after some searches, and no part is withheld without a cause.
func TestSearchesEnd(t *testing.T) {
	for seed := range uint64(300) {
		dice := rand.New(rand.NewPCG(seed, 1))
		order := named(1 + dice.IntN(120))
		pick := func() string { return order[dice.IntN(len(order))] }
		proxy := envoy{whole: map[string]bool{}, failing: map[string]bool{}}
		for range dice.IntN(4) {
			proxy.whole[pick()] = true
		}
		for id := range proxy.whole {
			proxy.failing[id] = dice.IntN(2) == 0
		}
		if first, second := pick(), pick(); first != second && dice.IntN(2) == 0 {
			proxy.pair = [2]string{first, second}
		}
		known := map[string]resource.Form{}
		table := func() map[string]resource.Form {
			forms := map[string]resource.Form{}
			for _, id := range order {
				if known[id] != resource.Absent {
					forms[id] = known[id]
				}
			}
			return forms
		}
		for searches := 0; proxy.refuses(table()); searches++ {
			if searches > 10 {
				t.Fatalf("seed %d: no end: %+v", seed, proxy)
			}
			s := newSearch(order, dice.IntN(len(order)+1), maps.Clone(known), hints{}, "refused")
			proxy.run(s, dice)
			for id, v := range s.found {
				known[id] = v.form
			}
		}
		for id := range known {
			if !proxy.whole[id] && id != proxy.pair[0] && id != proxy.pair[1] {
				t.Fatalf("seed %d: %s is withheld: %s", seed, id, fmt.Sprint(proxy))
			}
		}
	}
}
