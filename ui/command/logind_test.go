package command

import (
	"strings"
	"testing"
	"testing/fstest"
)

// Where the system ends what a session has started, the work would end with it, and that is said with what to do about it.
func TestLogout(t *testing.T) {
	const (
		conf    = "etc/systemd/logind.conf"
		session = "0::/user.slice/user-1000.slice/session-3.scope\n"
		manager = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.scope\n"
		yes     = "[Login]\n#KillUserProcesses=no\nKillUserProcesses=yes\n"
	)
	for name, c := range map[string]struct {
		files map[string]string
		user  string
		says  []string // nothing: the work goes on
	}{
		"no logind":                {map[string]string{conf: yes, "proc/self/cgroup": session}, "alice", nil},
		"as systemd comes":         {map[string]string{"run/systemd/sessions/3": "", conf: "[Login]\n#KillUserProcesses=yes\n", "proc/self/cgroup": session}, "alice", nil},
		"kills":                    {map[string]string{"run/systemd/sessions/3": "", conf: yes, "proc/self/cgroup": session}, "alice", []string{"KillUserProcesses=yes in /etc/systemd/logind.conf", "loginctl enable-linger alice", "systemd-run --user --scope"}},
		"kills by a drop-in":       {map[string]string{"run/systemd/sessions/3": "", "etc/systemd/logind.conf.d/50-kill.conf": yes, "proc/self/cgroup": session}, "alice", []string{"/etc/systemd/logind.conf.d/50-kill.conf"}},
		"a later drop-in spares":   {map[string]string{"run/systemd/sessions/3": "", conf: yes, "usr/lib/systemd/logind.conf.d/90-no.conf": "KillUserProcesses=no\n", "proc/self/cgroup": session}, "alice", nil},
		"a drop-in that is hidden": {map[string]string{"run/systemd/sessions/3": "", "usr/lib/systemd/logind.conf.d/90.conf": yes, "etc/systemd/logind.conf.d/90.conf": "", "proc/self/cgroup": session}, "alice", nil},
		"root is spared":           {map[string]string{"run/systemd/sessions/3": "", conf: yes, "proc/self/cgroup": session}, "root", nil},
		"excluded":                 {map[string]string{"run/systemd/sessions/3": "", conf: yes + "KillExcludeUsers=alice bob\n", "proc/self/cgroup": session}, "alice", nil},
		"root not excluded":        {map[string]string{"run/systemd/sessions/3": "", conf: yes + "KillExcludeUsers=\n", "proc/self/cgroup": session}, "root", []string{"KillUserProcesses=yes"}},
		"only others":              {map[string]string{"run/systemd/sessions/3": "", conf: yes + "KillOnlyUsers=bob\n", "proc/self/cgroup": session}, "alice", nil},
		"only this one":            {map[string]string{"run/systemd/sessions/3": "", conf: "KillOnlyUsers=alice\n", "proc/self/cgroup": session}, "alice", []string{"KillOnlyUsers"}},
		"lingers, but in session":  {map[string]string{"run/systemd/sessions/3": "", conf: yes, "var/lib/systemd/linger/alice": "", "proc/self/cgroup": session}, "alice", []string{"outside of the session"}},
		"lingers, out of session":  {map[string]string{"run/systemd/sessions/3": "", conf: yes, "var/lib/systemd/linger/alice": "", "proc/self/cgroup": manager}, "alice", nil},
		"manager without linger":   {map[string]string{"run/systemd/sessions/3": "", "proc/self/cgroup": manager}, "alice", []string{"loginctl enable-linger alice"}},
		"a service":                {map[string]string{"run/systemd/sessions/3": "", conf: yes, "proc/self/cgroup": "0::/system.slice/ci.service\n"}, "alice", nil},
		"not known, no linger":     {map[string]string{"run/systemd/sessions/3": "", conf: yes}, "alice", []string{"loginctl enable-linger alice"}},
		"not known, lingers":       {map[string]string{"run/systemd/sessions/3": "", conf: yes, "var/lib/systemd/linger/alice": ""}, "alice", nil},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		got := logout(root, c.user)
		if (got == "") != (len(c.says) == 0) {
			t.Errorf("%s: says %q", name, got)
		}
		for _, part := range c.says {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %q does not say %q", name, got, part)
			}
		}
	}
}
