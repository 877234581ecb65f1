#!/usr/bin/perl
# Three folders that follow each other: a hub and two peers on this machine, edited from every side.
#
# usage: demo.pl NOSOCKS FOLDER     the program, and the folder that the hub serves a copy of
#
# A change counts as arrived when it can be read in the other folder; that is looked for five times a millisecond.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Glob qw(:bsd_glob);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep time);

@ARGV == 2 or die "usage: demo.pl NOSOCKS FOLDER\n";
my ($program, $sample) = map { abs_path($_) // die "demo: $_ is not there\n" } @ARGV;

my @names = qw(hub ann ben);
my $home = tempdir('nosocks-demo-XXXXXX', TMPDIR => 1);
my %folder = map { $_ => "$home/$_" } @names;
my (%process, $url, $owner, $count, $slowest);
($owner, $count, $slowest) = ($$, 0, 0);
$| = 1;
# The hub is on this machine, which a proxy elsewhere cannot reach.
delete @ENV{grep /_proxy$/i, keys %ENV};

# ---- What goes wrong, and the end

# Whatever ends this, the processes it started end first and its folders go.
END {
    if (defined $owner && $$ == $owner) {
        my $status = $?;
        stop($_) for grep { $process{$_} } reverse @names;
        remove_tree($home);
        $? = $status;
    }
}
$SIG{INT} = sub { print "\ninterrupted\n"; exit 130 };
$SIG{TERM} = sub { exit 143 };

sub fail {
    my ($text) = @_;
    print "\nFAILED: $text\n";
    for my $name (@names) {
        my @lines = split /\n/, (slurp("$home/$name.log") // '');
        splice @lines, 0, -15 if @lines > 15;
        print "  $name said: $_\n" for @lines;
    }
    exit 1;
}

# ---- Small tools

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return undef;
    local $/;
    return scalar <$file> // '';
}

sub spill {
    my ($path, $text, $how) = @_;
    open my $file, $how // '>', $path or fail("$path: $!");
    binmode $file;
    print $file $text;
    close $file or fail("$path: $!");
}

# Milliseconds until the condition holds, for each of the names.
sub wait_for {
    my ($what, $seconds, $condition, @waiting) = @_;
    my $start = time;
    my %took;
    while (@waiting) {
        my @still;
        for my $name (@waiting) {
            if ($condition->($name)) { $took{$name} = (time - $start) * 1000 } else { push @still, $name }
        }
        @waiting = @still;
        fail("$what: not within $seconds s at @waiting") if @waiting && time - $start > $seconds;
        sleep 0.0002 if @waiting;
    }
    return %took;
}

sub milliseconds { my ($took) = @_; return $took < 99.5 ? sprintf('%.1f ms', $took) : sprintf('%.0f ms', $took) }

sub row { printf "  %-5s %-50s %9s %9s %9s\n", @_ }

# ---- The three processes

sub start {
    my ($name, @command) = @_;
    unlink "$home/$name.log";
    my $pid = fork // fail("fork: $!");
    if (!$pid) {
        # Its own process group, so that Ctrl-C reaches this script alone, which then ends the others in order.
        setpgrp;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$home/$name.log";
        exec $program, @command or exit 127;
    }
    $process{$name} = $pid;
}

# What is said on stderr, from a process that must be alive to say it.
sub said {
    my ($name, $pattern) = @_;
    return 1 if (slurp("$home/$name.log") // '') =~ $pattern;
    fail("$name ended by itself") if waitpid($process{$name}, 1) > 0 && delete $process{$name};
    return 0;
}

sub join_hub {
    my ($name) = @_;
    start($name, 'join', '--name', $name, $url, $folder{$name});
    my %took = wait_for("$name joins", 30, sub { said($name, qr/ in sync/) }, $name);
    return $took{$name};
}

# Asks a process to end and waits for it; its exit status.
sub stop {
    my ($name) = @_;
    my $pid = delete $process{$name} or return;
    kill TERM => $pid;
    for (1 .. 500) {
        return $? if waitpid($pid, 1) != 0;
        sleep 0.01;
    }
    kill KILL => $pid;
    waitpid $pid, 0;
    return -1;
}

# ---- The steps

# Somebody does something; how long until the others have it, each of them.
sub step {
    my ($who, $text, $act, $arrived) = @_;
    $act->($folder{$who});
    my %took = wait_for("$who $text", 30, sub { $arrived->($folder{ $_[0] }) }, grep { $process{$_} && $_ ne $who } @names);
    for (values %took) { $slowest = $_ if $_ > $slowest }
    $count += keys %took;
    row($who, $text, map { exists $took{$_} ? milliseconds($took{$_}) : $_ eq $who ? '-' : 'offline' } @names);
}

sub has {
    my ($path, $text) = @_;
    return sub { my $there = "$_[0]/$path"; (-s $there // -1) == length $text && (slurp($there) // '') eq $text };
}

sub entries { return scalar grep { !m{/\.nosocks\b} } split /\0/, qx(find '$_[0]' -mindepth 1 -print0) }

# Compares two folders, content and all; the first difference found, if there is one.
sub difference {
    my ($left, $right) = @_;
    my $found = qx(diff -r --no-dereference -x .nosocks '$left' '$right' 2>&1);
    $found ||= qx(rsync -rlpcni --delete --exclude /.nosocks '$left/' '$right/' 2>&1) if has_rsync();
    return $found =~ /(.+)/ ? $1 : undef;
}

sub has_rsync { return !system 'command -v rsync >/dev/null 2>&1' }

# ---- What happens

system('cp', '-a', $sample, $folder{hub}) == 0 or fail("$sample cannot be copied");
system('cp', '-a', $sample, $folder{ben}) == 0 or fail("$sample cannot be copied");
mkdir "$folder{hub}/empty" or fail("mkdir: $!");
for my $page (1 .. 200) {
    mkdir "$folder{hub}/album";
    spill("$folder{hub}/album/page-$page.txt", "page $page\n" x $page);
}

print "One folder, three copies. Each runs in a process of its own, as it would on a machine of its own.\n\n";

start('hub', 'hub', '--listen', '127.0.0.1:0', '--name', 'hub', $folder{hub});
wait_for('the hub listens', 30, sub { said('hub', qr{listening on (ws://\S+:\d+)}) }, 'hub');
($url) = slurp("$home/hub.log") =~ m{listening on (ws://\S+:\d+)};

sub present { printf "  %-5s %-50s %s\n", @_ }

present('hub', 'nosocks hub ~/notes', entries($folder{hub}) . ' entries');
present('ann', "nosocks join $url ~/notes", 'begins empty: in sync in ' . milliseconds(join_hub('ann')));
present('ben', "nosocks join $url ~/notes", 'has an older copy: in sync in ' . milliseconds(join_hub('ben')));
print "\n";

row('who', 'does', 'at hub', 'at ann', 'at ben');

step('hub', 'writes a new note', sub { spill("$_[0]/idea.md", "tandem?\n") }, has('idea.md', "tandem?\n"));

my $monday = slurp("$folder{ann}/journal/monday.md") . "- [ ] call Ben\n";
step('ann', 'adds a line to a note',
    sub { spill("$_[0]/journal/monday.md", "- [ ] call Ben\n", '>>') }, has('journal/monday.md', $monday));

step('ben', 'saves a note as editors do (new file, renamed)',
    sub { spill("$_[0]/recipes/.soup.swp", "# Soup\n\nLeeks.\n"); rename "$_[0]/recipes/.soup.swp", "$_[0]/recipes/soup.md" },
    has('recipes/soup.md', "# Soup\n\nLeeks.\n"));

step('ann', 'renames a directory of 200 files',
    sub { rename "$_[0]/album", "$_[0]/photos" or fail("rename: $!") },
    sub { !-e "$_[0]/album" && @{[glob "$_[0]/photos/page-*.txt"]} == 200 });

step('ben', 'points a link at another page',
    sub { unlink "$_[0]/today.md"; symlink 'journal/tuesday.md', "$_[0]/today.md" },
    sub { (readlink "$_[0]/today.md" // '') eq 'journal/tuesday.md' });

step('hub', 'deletes a file', sub { unlink "$_[0]/old-list.txt" }, sub { !-e "$_[0]/old-list.txt" });

step('ben', 'takes the executable bit off a script',
    sub { chmod 0644, "$_[0]/bin/words" }, sub { ((stat "$_[0]/bin/words")[2] & 0777) == 0644 });

my $film = join '', map { pack 'N*', map { int rand 2**32 } 1 .. 4096 } 1 .. 1024;
step('hub', 'copies in a film of 16 MiB', sub { spill("$_[0]/film.raw", $film) }, has('film.raw', $film));
substr $film, 8_000_000, 0, 'one more scene';
step('ann', 'cuts a scene into the middle of the film',
    sub { spill("$_[0]/film.raw", $film) }, has('film.raw', $film));

# Two people, one file, and no connection between them.
print "\n  ben goes offline\n";
my $status = stop('ben');
fail("ben ended with status $status on SIGTERM") if $status != 0;
step('hub', 'writes "with onions" into the bread recipe',
    sub { spill("$_[0]/recipes/bread.md", "with onions\n") }, has('recipes/bread.md', "with onions\n"));
spill("$folder{ben}/recipes/bread.md", "with walnuts\n");
row('ben', 'writes "with walnuts" into the same recipe', 'later', 'later', '-');
spill("$folder{ben}/letters/reply.txt", "Dear Ida\n");
row('ben', 'writes a letter', 'later', 'later', '-');
printf "  ben comes back: in sync in %s\n", milliseconds(join_hub('ben'));

my %took = wait_for(
    'both recipes and the letter are everywhere', 30,
    sub {
        my $there = $folder{ $_[0] };
        my @copies = glob "$there/recipes/bread.conflict-*.md";
        has('recipes/bread.md', "with onions\n")->($there) && has('letters/reply.txt', "Dear Ida\n")->($there)
            && @copies == 1 && (slurp($copies[0]) // '') eq "with walnuts\n";
    },
    @names);
print "  both versions are kept, everywhere:\n";
for my $path (glob "$folder{hub}/recipes/bread*") {
    my ($name) = $path =~ m{([^/]+)$};
    printf "        recipes/%-36s %s", $name, slurp($path);
}

# ---- Are they the same?

my %same = wait_for('the folders are the same', 30, sub { !defined difference($folder{hub}, $folder{ $_[0] }) }, qw(ann ben));
for my $name (reverse @names) {
    my $status = stop($name);
    fail("$name ended with status $status on SIGTERM") if $status != 0;
}
for my $name (qw(ann ben)) {
    my $found = difference($folder{hub}, $folder{$name});
    fail("hub and $name differ: $found") if defined $found;
}
printf "\nThe three folders are identical: %d entries each (compared by diff%s).\n", entries($folder{hub}),
    has_rsync() ? ' and by rsync -rlpc' : '';
printf "%d arrivals, the slowest after %s. What was set up is gone again: %s\n", $count, milliseconds($slowest), $home;
