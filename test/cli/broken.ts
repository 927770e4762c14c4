/** A module that cannot be imported. */
throw new Error("the database is away")
