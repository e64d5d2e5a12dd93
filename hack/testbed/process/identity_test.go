package process

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

func TestParseStatSkipsTheCommandName(t *testing.T) {
	line := "42 (a) S (b c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 123456 99 100"
	start, zombie, err := parseStat(line)
	if err != nil || start != 123456 || zombie {
		t.Fatalf("got %d, %v, %v", start, zombie, err)
	}
	if _, zombie, _ := parseStat("42 (x) Z 1 42 42 0 -1 4 1 2 3 4 5 6 7 8 20 0 9 0 7 9"); !zombie {
		t.Error("a zombie must count as gone")
	}
	for _, bad := range []string{"", "42 x", "42 (x) S 1 2"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestIdentityIsNotItsProcessID(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Alive() {
		t.Error("this process runs")
	}
	recycled := self
	recycled.StartTime++
	if recycled.Alive() {
		t.Error("another start time is another process")
	}
	if err := recycled.Kill(); !errors.Is(err, ErrGone) {
		t.Errorf("killing a recycled id: got %v", err)
	}
	otherBoot := self
	otherBoot.BootID = "another"
	if otherBoot.Alive() {
		t.Error("another boot is another process")
	}
	if (Identity{}).Alive() || !errors.Is((Identity{}).Kill(), ErrGone) {
		t.Error("the zero identity names no process")
	}
}

func TestKillEndsTheProcess(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if id.Alive() {
		t.Error("still alive")
	}
}
