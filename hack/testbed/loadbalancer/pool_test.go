package loadbalancer

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func pool(t *testing.T, network string) (*Pool, *clock) {
	t.Helper()
	c := &clock{time.Unix(1000, 0)}
	return NewPool(netip.MustParsePrefix(network), netip.MustParsePrefix("10.99.255.0/24"), c.now), c
}

func take(t *testing.T, p *Pool, owner, wanted string) string {
	t.Helper()
	a, err := p.Take(owner, wanted)
	if err != nil {
		t.Fatal(err)
	}
	return a.String()
}

func TestAddressesComeInOrderAndRestBeforeReuse(t *testing.T) {
	p, c := pool(t, "10.99.0.0/29")
	for i, want := range []string{"10.99.0.1", "10.99.0.2", "10.99.0.3", "10.99.0.4", "10.99.0.5", "10.99.0.6", "10.99.0.7"} {
		if got := take(t, p, string(rune('a'+i)), ""); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	p.Release("c")
	c.t = c.t.Add(time.Second)
	p.Release("a")
	if _, err := p.Take("x", ""); !errors.Is(err, ErrExhausted) {
		t.Fatalf("an address was reused at once: %v", err)
	}
	c.t = c.t.Add(idle)
	if got := take(t, p, "x", ""); got != "10.99.0.3" {
		t.Errorf("got %s, want the one released first", got)
	}
	if got := take(t, p, "y", ""); got != "10.99.0.1" {
		t.Errorf("got %s", got)
	}
}

func TestWantedAddress(t *testing.T) {
	p, _ := pool(t, "10.99.0.0/16")
	if got := take(t, p, "a", "10.99.255.7"); got != "10.99.255.7" {
		t.Errorf("got %s", got)
	}
	if got := take(t, p, "a", "10.99.255.7"); got != "10.99.255.7" {
		t.Errorf("asking twice: got %s", got)
	}
	if _, err := p.Take("b", "10.99.255.7"); !errors.Is(err, ErrTaken) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Take("b", "192.0.2.1"); !errors.Is(err, ErrOutside) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Take("b", "nonsense"); err == nil {
		t.Error("no error")
	}
	p.Release("a")
	if got := take(t, p, "b", "10.99.255.7"); got != "10.99.255.7" {
		t.Errorf("a Service that asks for a released address gets it at once: got %s", got)
	}
	take(t, p, "c", "10.99.0.1")
	if got := take(t, p, "d", ""); got != "10.99.0.2" {
		t.Errorf("got %s, want the first free one", got)
	}
}

func TestStaticAndOddAddressesAreNotChosen(t *testing.T) {
	p, _ := pool(t, "10.99.254.0/23")
	count := 0
	for {
		a, err := p.Take(string(rune(count)), "")
		if err != nil {
			break
		}
		count++
		if last := a.As4()[3]; last == 0 || last == 255 || a.As4()[2] == 255 {
			t.Errorf("chose %s", a)
		}
	}
	if count != 254 {
		t.Errorf("chose %d addresses, want 254", count)
	}
}

func TestPoolOfIPv6(t *testing.T) {
	p := NewPool(netip.MustParsePrefix("fd10:99::/112"), netip.MustParsePrefix("fd10:99::ff00/120"), time.Now)
	if got := take(t, p, "a", ""); got != "fd10:99::1" {
		t.Errorf("got %s", got)
	}
	if got := take(t, p, "b", "fd10:99::ff07"); got != "fd10:99::ff07" {
		t.Errorf("got %s", got)
	}
	if _, err := p.Take("c", "10.99.0.1"); !errors.Is(err, ErrOutside) {
		t.Errorf("got %v", err)
	}
}
