package restore

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
)

// Where the databases of servers outside the cluster come from.
const (
	fromDumps    = "dumps"    // dump files, loaded beside the old databases
	fromProvider = "provider" // the provider's own restore to a point in time
)

// divide are the databases outside the cluster that are loaded from dumps, and those whose servers their provider restores. A provider
// restores a whole server, so one server has one source.
func divide(outside []postgres.Database, f Facts) (loaded, provided []postgres.Database) {
	for _, d := range outside {
		if f.Outside == fromDumps || slices.Contains(strings.Split(f.Outside, ","), d.Server.String()) {
			loaded = append(loaded, d)
		} else {
			provided = append(provided, d)
		}
	}
	return loaded, provided
}

// loadedOutside are the servers outside the cluster into which dumps of the set are loaded.
func loadedOutside(f Facts) []postgres.Server {
	var all []postgres.Database
	for _, d := range f.Set.Dumps {
		if d.Database.Server.Managed() {
			all = append(all, d.Database)
		}
	}
	return serversOf(all)
}

// mixable is up to how many servers outside the cluster every mix of sources is a choice. A node has four at most.
const mixable = 4

// askOutside asks for the source of each server outside the cluster. Dumps are proposed where the operator has named a folder with some.
func askOutside(servers []postgres.Server, folder string) wire.Question {
	var names []string
	for _, s := range servers {
		names = append(names, s.String())
	}
	q := wire.Question{Name: "outside", Kind: wire.AskChoice, Title: "What are the databases outside the cluster restored from?", Default: fromProvider,
		Text: "This is about " + strings.Join(names, ", ") + ". Whether a server there has room for a second copy of its databases cannot be measured from here: if you choose dumps, you are asked to look.",
		Choices: []wire.Choice{
			{ID: fromDumps, Label: "Dump files", Detail: "loaded by this tool, through a pod, beside the old databases; they change places in one transaction when all is loaded and checked"},
			{ID: fromProvider, Label: "The provider restores its servers to a point in time", Detail: "you do it, with the provider's own tools; this tool shows the commands and compares the result"},
		}}
	if holdsDumps(folder) {
		q.Default = fromDumps
		q.Text += "\n" + folder + " holds dumps; which databases they are of shows when they are read."
	}
	if n := len(servers); n > 1 && n <= mixable {
		for mix := 1; mix < 1<<n-1; mix++ {
			var dumped, provided []string
			for i, name := range names {
				if mix&(1<<i) != 0 {
					dumped = append(dumped, name)
				} else {
					provided = append(provided, name)
				}
			}
			q.Choices = append(q.Choices, wire.Choice{ID: strings.Join(dumped, ","), Label: "Dump files for " + strings.Join(dumped, ", "),
				Detail: "the provider restores " + strings.Join(provided, ", ")})
		}
	}
	return q
}

// holdsDumps says whether a folder has a file that begins as a dump does. It is read whole later.
func holdsDumps(folder string) bool {
	if folder == "" {
		return false
	}
	entries, err := os.ReadDir(folder)
	if err != nil { // a file, or nothing: the question for the folder says what is wrong
		entries = nil
	}
	for _, e := range entries {
		stream, err := dump.Open(filepath.Join(folder, e.Name()))
		if err != nil {
			continue
		}
		stream.Close()
		return true
	}
	stream, err := dump.Open(folder)
	if err != nil {
		return false
	}
	stream.Close()
	return true
}

// freshInstance is what is left where a server outside the cluster cannot take a second copy: its volumes are nobody's but the provider's.
func freshInstance(s postgres.Server) string {
	return fmt.Sprintf("let the provider enlarge its storage; or make a fresh instance there, with user %s, its password and an empty database %s, give it the address of %s or change persistence.host of the components, and start a new run",
		s.User, s.Admin, s.Host)
}
