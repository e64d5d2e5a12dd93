package clients

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/hack/testbed/build"
)

// Program is a client in another language than Go: it reads jobs from standard input and prints reports.
type Program struct {
	// Component of the testbed, which has what the program is made with.
	Component string
	// Argv of the program; installed is the folder of the component, source that of the program.
	Argv func(installed, source string) []string
	// Env is added to that of the test.
	Env func(installed string) []string
}

// silence is how long a program may say nothing: longer than its own patience.
const silence = 2 * limit

// starting is how long a program may take until its first report: a busy machine loads large libraries slowly.
const starting = 2 * time.Minute

// run starts the program for all jobs. One that is silent for too long, or dies, owes the report of the job that it is
// at, and is started again for the rest.
func (p Program) run(t *testing.T, jobs []Job, report func(Report)) {
	installed := install(t, p.Component)
	source, err := filepath.Abs(filepath.Join("testdata", p.Component))
	if err != nil {
		t.Fatal(err)
	}
	for len(jobs) > 0 {
		done := p.start(t, installed, source, jobs, report)
		jobs = jobs[min(done+1, len(jobs)):]
	}
}

// start returns how many jobs have a report when the program is through, dead or silent.
func (p Program) start(t *testing.T, installed, source string, jobs []Job, report func(Report)) (done int) {
	argv := p.Argv(installed, source)
	command := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	command.Dir, command.Env = source, append(os.Environ(), p.Env(installed)...)
	complaints := &tail{}
	command.Stderr = complaints
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := json.NewEncoder(input)
		for _, j := range jobs {
			if lines.Encode(j) != nil {
				return
			}
		}
		_ = input.Close()
	}()
	watch := time.AfterFunc(starting, func() { _ = command.Process.Kill() })
	defer watch.Stop()
	for lines := bufio.NewScanner(output); done < len(jobs) && lines.Scan(); {
		watch.Reset(silence)
		var r Report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Errorf("no report: %s", lines.Text())
			continue
		}
		report(r)
		done++
	}
	_ = command.Process.Kill()
	_ = command.Wait()
	if done < len(jobs) {
		t.Errorf("the program ended in the middle: %s", complaints.text)
	}
	return done
}

// install brings a component from the testbed's cache, or into it.
func install(t *testing.T, component string) (folder string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	folder, err = build.Install(t.Context(), root, component)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// tail keeps the end of what is written.
type tail struct{ text []byte }

func (b *tail) Write(data []byte) (int, error) {
	const kept = 2000
	b.text = append(b.text, data...)
	b.text = b.text[max(0, len(b.text)-kept):]
	return len(data), nil
}

// python, node and java are programs of these languages with their libraries.

func python(client string) func(*testing.T, []Job, func(Report)) {
	return Program{
		Component: "python",
		Argv:      func(_, source string) []string { return []string{"python3", filepath.Join(source, client+".py")} },
		Env: func(installed string) []string {
			return []string{"PYTHONPATH=" + filepath.Join(installed, "lib"), "PYTHONDONTWRITEBYTECODE=1"}
		},
	}.run
}

func node(client string) func(*testing.T, []Job, func(Report)) {
	return Program{
		Component: "node",
		Argv:      func(_, source string) []string { return []string{"node", filepath.Join(source, client+".js")} },
		Env: func(installed string) []string {
			return []string{"NODE_PATH=" + filepath.Join(installed, "node_modules")}
		},
	}.run
}

func java(client string) func(*testing.T, []Job, func(Report)) {
	return Program{
		Component: "java",
		Argv: func(installed, source string) []string {
			return []string{
				"java", "-Djdk.net.hosts.file=" + filepath.Join(source, "hosts"),
				"-cp", filepath.Join(installed, "classes") + ":" + filepath.Join(installed, "lib", "*"), client,
			}
		},
		Env: func(string) []string { return nil },
	}.run
}
