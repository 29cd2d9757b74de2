package command

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// logout says why the worker would end when this user logs out, and what to do about it; empty: it goes on. root is the root of the
// file system. systemd-logind ends what is left of a session when it is told to (KillUserProcesses, logind.conf(5)); what runs under the
// user's own manager ends with it when the last session does, unless the user lingers (loginctl(1), enable-linger).
func logout(root fs.FS, user string) string {
	if _, err := fs.Stat(root, "run/systemd/seats"); err != nil {
		if _, err := fs.Stat(root, "run/systemd/sessions"); err != nil {
			return "" // no logind here
		}
	}
	_, err := fs.Stat(root, "var/lib/systemd/linger/"+user)
	lingers := err == nil
	linger := "loginctl enable-linger " + user
	outside := "systemd-run --user --scope svrescue ..."
	in, known := sessionOf(root)
	where := killsAtLogout(root, user)
	switch {
	case in == ofManager && !lingers:
		return fmt.Sprintf("the user manager of %s ends at the last logout, and the work with it. Before you log out, type: %s", user, linger)
	case in == ofSession && where != "" && lingers:
		return fmt.Sprintf("this system ends what a session has started when it is logged out (%s), and the work with it. Start svrescue outside of the session: %s", where, outside)
	case (in == ofSession || !known && !lingers) && where != "":
		return fmt.Sprintf("this system ends what a session has started when it is logged out (%s), and the work with it. Type %s, and start svrescue outside of the session: %s", where, linger, outside)
	}
	return ""
}

type belonging int

const (
	ofNobody belonging = iota // a service, a container
	ofSession
	ofManager
)

// sessionOf says to what this process belongs, by its control group.
func sessionOf(root fs.FS) (b belonging, known bool) {
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return ofNobody, false
	}
	text := string(data)
	switch {
	case strings.Contains(text, "/user@"):
		return ofManager, true
	case strings.Contains(text, "/session-"):
		return ofSession, true
	}
	return ofNobody, true
}

// killsAtLogout names the file that makes logind end the processes of this user's sessions, "" where none does. Later files override
// earlier ones: the main file first, then the drop-ins by their names, where one in /etc hides one of the same name in /run or /usr/lib.
func killsAtLogout(root fs.FS, user string) string {
	kill, only, except := "", []string(nil), []string{"root"}
	from := map[string]string{}
	for _, file := range logindFiles(root) {
		data, err := fs.ReadFile(root, file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			value = strings.TrimSpace(value)
			if !ok || strings.HasPrefix(key, "#") || strings.HasPrefix(key, ";") {
				continue
			}
			switch key = strings.TrimSpace(key); key {
			case "KillUserProcesses":
				kill = ""
				if slices.Contains([]string{"yes", "true", "on", "1"}, strings.ToLower(value)) {
					kill = "KillUserProcesses=" + value
				}
			case "KillOnlyUsers":
				only = strings.Fields(value)
			case "KillExcludeUsers":
				except = strings.Fields(value)
			default:
				continue
			}
			from[key] = "/" + file
		}
	}
	switch {
	case slices.Contains(except, user):
		return ""
	case len(only) > 0 && slices.Contains(only, user):
		return "KillOnlyUsers in " + from["KillOnlyUsers"]
	case len(only) > 0 || kill == "":
		return ""
	}
	return kill + " in " + from["KillUserProcesses"]
}

func logindFiles(root fs.FS) []string {
	var files []string
	for _, main := range []string{"etc/systemd/logind.conf", "run/systemd/logind.conf", "usr/lib/systemd/logind.conf"} {
		if _, err := fs.Stat(root, main); err == nil {
			files = append(files, main)
			break
		}
	}
	dropIns := map[string]string{}
	var names []string
	for _, folder := range []string{"usr/lib/systemd/logind.conf.d", "run/systemd/logind.conf.d", "etc/systemd/logind.conf.d"} {
		found, _ := fs.Glob(root, folder+"/*.conf")
		for _, file := range found {
			if _, met := dropIns[path.Base(file)]; !met {
				names = append(names, path.Base(file))
			}
			dropIns[path.Base(file)] = file
		}
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, dropIns[name])
	}
	return files
}
