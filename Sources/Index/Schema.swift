import GRDB

/// The tables, and which version of them a file holds.
enum Schema {
    /// Goes up with every change that an older program could not read.
    static let version = 1
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
                    sql: "INSERT INTO meta VALUES (0, 0, 0, ?)", arguments: StatementArguments(.bits(replica())))
                try database.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
                return .commit
            }
            return
        }
        guard application == applicationID else { throw Damage("the file is not an index of nosocks") }
        guard found <= version else {
            throw IndexError(
                .newerSchema, operation: "open",
                message: "a newer nosocks wrote it (schema \(found); this one knows \(version))")
        }
        guard found == version else { throw Damage("schema \(found) never existed") }
    }

    // records: one row a path. `path` is a PathKey; `revision` that of the remote; `size` the live remote's bytes, NULL
    // for a tombstone; `digest` the first eight bytes of the digest of the file that is on the disk, or was there last;
    // `unfinished` not 0 where something is left to do, 2 where `digest` is that of an offer without a verdict; `state`
    // the rest. The table has a rowid because digests come in no order: an index of them that repeated the path would
    // touch thrice as many pages with every batch.
    //
    // log: what was accepted, by revision; `base` is the revision that it replaced.
    //
    // chunks: `chunk` is the first eight bytes of the chunk's digest. Rows are many and small: a file of 1 GiB has
    // some 16,000.
    private static let tables = """
        CREATE TABLE meta (
            id INTEGER PRIMARY KEY CHECK (id = 0),
            epoch INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            replica INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE records (
            path BLOB NOT NULL PRIMARY KEY,
            revision INTEGER NOT NULL,
            size INTEGER,
            digest INTEGER,
            unfinished INTEGER NOT NULL,
            state BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX records_revision ON records (revision) WHERE revision > 0;
        CREATE INDEX records_digest ON records (digest) WHERE digest IS NOT NULL;
        CREATE INDEX records_unfinished ON records (path) WHERE unfinished <> 0;

        CREATE TABLE log (
            revision INTEGER PRIMARY KEY,
            path BLOB NOT NULL,
            base INTEGER NOT NULL,
            entry BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX log_successor ON log (path, base);

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
            seconds INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX removed_digest ON removed (digest) WHERE digest IS NOT NULL;
        CREATE INDEX removed_age ON removed (seconds, token);

        CREATE TABLE history (
            name TEXT PRIMARY KEY,
            path BLOB NOT NULL,
            entry BLOB NOT NULL,
            digest INTEGER,
            size INTEGER NOT NULL,
            seconds INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX history_digest ON history (digest) WHERE digest IS NOT NULL;
        CREATE INDEX history_age ON history (seconds, name);
        """
}
