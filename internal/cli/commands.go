package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

// ErrFound says that a command found something wrong and has printed it: the exit status is 1, and there is nothing more to say.
var ErrFound = errors.New("something is not as it should be")

// Groups of commands in the help of their parent.
const (
	GroupAsk     = "ask"
	GroupOffline = "offline"
)

// Groups returns the titles of the groups.
func Groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: GroupAsk, Title: "Ask a cluster:"},
		{ID: GroupOffline, Title: "Without a cluster:"},
	}
}

// Commands returns all commands for people.
func Commands() []*cobra.Command {
	return append(
		grouped(GroupAsk, statusCommand(), explainCommand(), doctorCommand(), topCommand(), proxyCommand(), xdsCommand(), collectCommand()),
		grouped(GroupOffline, translateCommand(), validateCommand(), migrateCommand())...,
	)
}

func grouped(group string, commands ...*cobra.Command) []*cobra.Command {
	for _, command := range commands {
		command.GroupID = group
	}
	return commands
}
