package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// program is one long-running component: what to run and with which flags.
type program struct {
	name   string
	binary string // when it is not the name
	flags  map[string]string
	args   []string // before the flags
}

// argv is the command line, sorted so that it reads the same every time.
func (p program) argv() []string {
	out := slices.Clone(p.args)
	for _, flag := range slices.Sorted(maps.Keys(p.flags)) {
		out = append(out, "--"+flag+"="+p.flags[flag])
	}
	return out
}

// start runs the program with its own log file and session, so that it
// outlives the starting command and hears no Ctrl-C.
func (p program) start(l Layout) (*running, error) {
	log, err := os.Create(l.log(p.name))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(l.Bin(), cmp.Or(p.binary, p.name)), p.argv()...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.Env = append(os.Environ(), "PATH="+l.Bin()+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	r := &running{name: p.name, log: log.Name(), ended: make(chan struct{})}
	go func() {
		r.err = cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// running is a started program, watched as long as the starting command lives.
type running struct {
	name, log string
	ended     chan struct{}
	err       error // set before ended is closed
}

// errExited is the error of a program that ended without one.
var errExited = errors.New("exit status 0")

// failure is nil while the program runs.
func (r *running) failure() error {
	select {
	case <-r.ended:
		return fmt.Errorf("%s ended: %w; the end of %s:\n%s", r.name, cmp.Or(r.err, errExited), r.log, tail(r.log, 12))
	default:
		return nil
	}
}
