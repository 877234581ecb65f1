import GRDB

/// The tables, and which version of them a file holds.
enum Schema {
    /// Goes up with every change that an older program could not read.
    static let version = 4
    /// `nsck`: tells an index from any other SQLite file.
    static let applicationID = 0x6e73_636b

    /// Checks the file's version, and fills an empty file. `replica` is the id that a new index gets.
    static func prepare(_ database: Database, replica: () -> UInt64) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let application = try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") == 0
        if isEmpty && found == 0 {
            try database.inTransaction(.exclusive) {
                try database.execute(sql: tables)
                try database.execute(
                    sql: "INSERT INTO meta (id, epoch, revision, replica) VALUES (0, 0, 0, ?)",
                    arguments: StatementArguments(.bits(replica())))
                try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
                return .commit
            }
            return
        }
        try check(found, application)
        guard found < version else { return }
        try database.inTransaction(.exclusive) {
            if found < 2 { try database.execute(sql: additions2) }
            if found < 3 {
                try database.execute(sql: additions3)
                try Index.fillInodes(database)
            }
            if found < 4 { try database.execute(sql: announced) }
            try database.execute(sql: "PRAGMA user_version = \(version)")
            return .commit
        }
    }

    /// Checks a file that is not to be changed: one of an earlier version can't be read.
    static func check(_ database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        try check(found, try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0)
        guard found == version else {
            throw IndexError(
                .olderSchema, operation: "open", message: "an older nosocks wrote it; nosocks hub or join renews it")
        }
    }

    private static func check(_ found: Int, _ application: Int) throws {
        guard application == applicationID else { throw Damage("the file is not an index of nosocks") }
        guard found <= version else {
            throw IndexError(
                .newerSchema, operation: "open",
                message: "a newer nosocks wrote it (schema \(found); this one knows \(version))")
        }
        guard found >= 1 else { throw Damage("schema \(found) never existed") }
    }

    // meta: `root` and `state` are the inodes of the folder and of its state folder, NULL before they were noted.
    //
    // `known` and `term` are the newest revision of the order that is known of, and that one's term.
    //
    // records: one row a path. `path` is a PathKey; `revision` that of the remote; `size` the live remote's bytes, NULL
    // for a tombstone; `digest` the first eight bytes of the digest of the file that is on the disk, or was there last;
    // `unfinished` not 0 where something is left to do, 2 where `digest` is that of an offer without a verdict; `state`
    // the rest; `made` when `revision` came to this replica, `base_made` and `base_author` the same of the base where that
    // is another revision, `inode` of the file that the record's fingerprint is of. The table has a rowid because digests
    // come in no order: an index of them that repeated the path would touch thrice as many pages with every batch.
    //
    // announced: records that were saved before something was done, and will be once more after it: an Announcement in each
    // row, of which a later one replaces an earlier.
    //
    // log: what was accepted, by revision; `base` is the revision that it replaced.
    //
    // terms: each run that accepted something, with the first revision that it gave.
    //
    // removed, history: `revision` (0: none), `author` and `made` tell which version of the path it is. Of history, `id`
    // is the order in which it came, `form` a HistoryItem.Form, `base` the id of the item that has what a pack lacks: a
    // later one, so that what is removed oldest first is never needed by what stays. Content of rows is in a table of
    // its own, so that those who only list history need not read it.
    //
    // chunks: `chunk` is the first eight bytes of the chunk's digest. Rows are many and small: a file of 1 GiB has
    // some 16,000.
    private static let tables = """
        CREATE TABLE meta (
            id INTEGER PRIMARY KEY CHECK (id = 0),
            epoch INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            replica INTEGER NOT NULL,
            root INTEGER,
            state INTEGER,
            known INTEGER NOT NULL DEFAULT 0,
            term INTEGER NOT NULL DEFAULT 0
        ) STRICT;

        CREATE TABLE records (
            path BLOB NOT NULL PRIMARY KEY,
            revision INTEGER NOT NULL,
            size INTEGER,
            digest INTEGER,
            unfinished INTEGER NOT NULL,
            state BLOB NOT NULL,
            made INTEGER NOT NULL DEFAULT 0,
            base_made INTEGER,
            base_author TEXT,
            inode INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX records_revision ON records (revision) WHERE revision > 0;
        CREATE INDEX records_digest ON records (digest) WHERE digest IS NOT NULL;
        CREATE INDEX records_unfinished ON records (path) WHERE unfinished <> 0;
        \(finders)

        \(announced)

        CREATE TABLE log (
            revision INTEGER PRIMARY KEY,
            path BLOB NOT NULL,
            base INTEGER NOT NULL,
            entry BLOB NOT NULL,
            author TEXT NOT NULL DEFAULT '',
            made INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE UNIQUE INDEX log_successor ON log (path, base);

        \(terms)

        CREATE TABLE lists (
            id INTEGER PRIMARY KEY,
            digest BLOB NOT NULL UNIQUE,
            list BLOB NOT NULL
        ) STRICT;
        CREATE TABLE chunks (
            chunk INTEGER NOT NULL,
            list INTEGER NOT NULL,
            start INTEGER NOT NULL,
            size INTEGER NOT NULL,
            PRIMARY KEY (chunk, list, start)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE removed (
            token TEXT PRIMARY KEY,
            path BLOB NOT NULL,
            fingerprint BLOB NOT NULL,
            expected BLOB NOT NULL,
            digest INTEGER,
            seconds INTEGER NOT NULL,
            revision INTEGER NOT NULL DEFAULT 0,
            author TEXT NOT NULL DEFAULT '',
            made INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX removed_digest ON removed (digest) WHERE digest IS NOT NULL;
        CREATE INDEX removed_age ON removed (seconds, token);

        \(history)
        """

    /// From version 3 to 4.
    private static let announced = """
        CREATE TABLE announced (
            id INTEGER PRIMARY KEY,
            records BLOB NOT NULL
        ) STRICT;
        """

    private static let terms = """
        CREATE TABLE terms (
            start INTEGER PRIMARY KEY,
            term INTEGER NOT NULL
        ) STRICT;
        """

    /// Whether a path holds `.conflict-`, as the names of conflict copies do.
    static let mayBeCopy = "instr(path, x'2e636f6e666c6963742d') > 0"

    /// What finds conflict copies, and all names of one file.
    private static let finders = """
        CREATE INDEX records_copies ON records (path) WHERE \(mayBeCopy);
        CREATE INDEX records_inode ON records (inode) WHERE inode IS NOT NULL;
        """

    private static let history = """
        CREATE TABLE history (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            path BLOB NOT NULL,
            entry BLOB NOT NULL,
            digest INTEGER,
            size INTEGER NOT NULL,
            seconds INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            author TEXT NOT NULL,
            made INTEGER NOT NULL,
            form INTEGER NOT NULL,
            base INTEGER
        ) STRICT;
        CREATE INDEX history_digest ON history (digest) WHERE digest IS NOT NULL;
        CREATE INDEX history_path ON history (path, id);
        CREATE INDEX history_whole ON history (id) WHERE form = 0;

        CREATE TABLE history_content (
            id INTEGER PRIMARY KEY,
            content BLOB NOT NULL
        ) STRICT;
        """

    /// From version 1 to 2: who made what, and when, and history that is not a file for each version.
    private static let additions2 = """
        ALTER TABLE meta ADD COLUMN root INTEGER;
        ALTER TABLE meta ADD COLUMN state INTEGER;
        ALTER TABLE records ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE records ADD COLUMN base_made INTEGER;
        ALTER TABLE records ADD COLUMN base_author TEXT;
        ALTER TABLE log ADD COLUMN author TEXT NOT NULL DEFAULT '';
        ALTER TABLE log ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE removed ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE removed ADD COLUMN author TEXT NOT NULL DEFAULT '';
        ALTER TABLE removed ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
        DROP INDEX history_digest;
        DROP INDEX history_age;
        ALTER TABLE history RENAME TO history1;
        \(history)
        INSERT INTO history (name, path, entry, digest, size, seconds, revision, author, made, form)
            SELECT name, path, entry, digest, size, seconds, 0, '', 0, 0 FROM history1 ORDER BY seconds, name;
        DROP TABLE history1;
        """

    /// From version 2 to 3: terms, what was accepted before is of none; and what finds records by inode.
    private static let additions3 = """
        ALTER TABLE meta ADD COLUMN known INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE meta ADD COLUMN term INTEGER NOT NULL DEFAULT 0;
        UPDATE meta SET known = revision;
        \(terms)
        ALTER TABLE records ADD COLUMN inode INTEGER;
        \(finders)
        """
}
